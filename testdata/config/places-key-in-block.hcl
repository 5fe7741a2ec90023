places "google" {
  key = "canary-in-a-coal-mine"
}

places "google" { api_key = "canary-in-a-coal-mine" }

places "gogle" { key = "canary-in-a-coal-mine" }

log { lvel = "AIzaSy-canary-in-a-coal-mine-0123456789" }
