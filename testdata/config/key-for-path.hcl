gossip {
  key_file = "aGVyZCBjYW5hcnkga2V5IQ=="
}
