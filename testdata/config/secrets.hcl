name = env.CANARY

client {
  max_conns = env.CANARY
  addr      = file("canary.txt")
}

log {
  level  = "${env.CANARY}!"
  format = { for k in [env.CANARY, env.CANARY] : k => k }
  file   = env.CANARY + 1
}

gossip {
  label = env[env.CANARY]
}
