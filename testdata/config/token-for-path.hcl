name = "Clark"

http {
  write_token_file = "canary-in-a-coal-mine"
}
