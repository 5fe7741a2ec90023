name = "Clark"

http {
  addr = "0.0.0.0:4133"
}
