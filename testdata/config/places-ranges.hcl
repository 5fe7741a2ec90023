places_order = []

places "google" {
  enabled         = "yes"
  api             = "old"
  fields          = "all"
  key_file        = "/no\nfile"
  base_url        = "http://places.example"
  language        = "english"
  rank            = "price"
  timeout         = "2m"
  rate_per_minute = -1
  max_in_flight   = 0
  budget_day      = "1e3"
  budget_month    = 2000000000
  cache           = "25h"
}

places "overpass" {
  base_url   = ""
  user_agent = "hërd"
  max_radius = 10.5
}

places "file" "campus" {
  path        = ["campus.csv"]
  format      = "shp"
  rank        = "size"
  attribution = "two\nlines"
}
