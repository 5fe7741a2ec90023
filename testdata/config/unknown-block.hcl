clients {
  addr = "127.0.0.1:4131"
}

log = "debug"

name {
}
