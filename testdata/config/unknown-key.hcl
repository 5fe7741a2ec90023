nmae = "Clark"

client {
  adr = "127.0.0.1:4131"
}

gossip {
  max_lines = 3
  insecure  = true
}

log_level = "debug"
