gossip { key_file = "no/such/gossip.key" }
