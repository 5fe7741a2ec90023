places "google" {
  key_file = "canary-in-a-coal-mine"
}
