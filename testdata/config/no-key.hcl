gossip { addr = "0.0.0.0:4132" }
