name = ["Clark"]

client {
  addr         = true
  max_conns    = "many"
  max_line     = "4 kilobytes"
  idle_timeout = 300
  max_id       = null
}

gossip {
  join            = "127.0.0.1:4132"
  insecure_gossip = "yes"
}
