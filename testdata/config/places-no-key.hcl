places "embedded" {}

places "google" {
  base_url = "https://places.googleapis.com"
}
