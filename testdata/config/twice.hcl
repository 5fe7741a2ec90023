client {
  addr = "127.0.0.1:1"
}

client {
  max_conns = 3
}
