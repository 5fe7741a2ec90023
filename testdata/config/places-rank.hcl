places "google" {
  enabled = false
  api     = "legacy"
  rank    = "distance"
}
