name       = env.NODE
ready_file = "/run/herd/ready.json"
chaos      = true

client {
  addr         = "0.0.0.0:4131"
  max_conns    = 500
  max_line     = "8KiB"
  idle_timeout = "90s"
  max_id       = 64
}

gossip {
  addr           = "{{ GetAllInterfaces | include \"flags\" \"loopback\" | include \"type\" \"IPv4\" | limit 1 | attr \"address\" }}:4132"
  advertise_addr = "herd-1.example"
  join           = ["herd-2.example:4132", "herd-3.example:4132"]
  label          = "${env("SITE", "campus")}-1"
  profile        = "wan"
}

herd {
  acks             = "none"
  max_client_ahead = "60s"
  ttl              = "36h"
  max_clients      = 1000000
  ready_timeout    = "1m"
}

places "embedded" {
  rank = "distance"
}

http { addr = "127.0.0.1:0" }

log {
  level  = file("level.txt")
  format = "json"
  file   = "/var/log/herd.log"
}
