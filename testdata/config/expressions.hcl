name       = env.HERD_TEST_UNSET
ready_file = env

client {
  addr      = envv.ADDR
  max_conns = fiel("conns.txt")
  max_line  = file("missing.txt")
}

gossip {
  label = file("../config")
  join  = env("SEEDS")
}
