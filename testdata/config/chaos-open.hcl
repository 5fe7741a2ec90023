name  = "Clark"
chaos = true

http {
  addr = "0.0.0.0:4133"
}
