client { addr = "localhost:5000" }
gossip {
  addr            = ":5000"
  insecure_gossip = true
}
http { addr = "[::1]:5000" }
