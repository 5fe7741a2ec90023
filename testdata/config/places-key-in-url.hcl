places "google" {
  enabled  = false
  base_url = "https://places.example/near?token=canary-in-a-coal-mine"
}

places "overpass" { base_url = "https://me:canary-in-a-coal-mine@overpass.example/api" }
