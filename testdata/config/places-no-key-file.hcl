places "google" { key_file = "no/such/places.key" }
