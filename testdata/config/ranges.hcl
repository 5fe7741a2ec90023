name = "Clark the First"

client {
  addr         = "127.0.0.1"
  max_conns    = 0
  max_line     = "2MiB"
  idle_timeout = "-1s"
  max_id       = 256
}

gossip {
  addr           = "127.0.0.1:70000"
  advertise_addr = ":4132"
  join           = ["127.0.0.1:4132", "seed.example"]
  label          = "näher"
  profile        = "lam"
}

herd {
  acks             = "all"
  ack_timeout      = "1ms"
  max_client_ahead = "48h"
  ttl              = "-1s"
  max_clients      = 500000001
  memory_limit     = "1MiB"
  ready_timeout    = "0s"
}

places "embedded" {
  rank = "price"
}

http { addr = "127.0.0.1:http" }

log {
  level  = "verbose"
  format = "xml"
}
