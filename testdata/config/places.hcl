places "google" {
  api             = "new"
  fields          = "enterprise"
  base_url        = "http://127.0.0.1:8080/v1"
  language        = "pt-BR"
  rank            = "distance"
  timeout         = "2s"
  rate_per_minute = 60
  max_in_flight   = 8
  budget_day      = 100
  budget_month    = 1000
  cache           = "30s"
}

places "file" "campus" {
  path        = "campus.geojson.gz"
  format      = "geojson"
  rank        = "distance"
  attribution = "<a href=\"https://campus.example/\">Campus</a>"
}

places "overpass" {
  enabled         = false
  base_url        = "https://overpass.example/api/interpreter"
  user_agent      = "campus (places@campus.example)"
  rank            = "distance"
  timeout         = "20s"
  rate_per_minute = 0
  max_in_flight   = 1
  budget_day      = 0
  budget_month    = 9
  cache           = "0s"
  max_radius      = 50
}

places "file" "sights.v2" {
  path = "/srv/sights.csv"
}

places "embedded" {
}
