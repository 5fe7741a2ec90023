places "file" {
}

places "file" "north campus" {
}

places "file" "north" "campus" {
}

places "embedded" "world" {
}

places "gogle" {
}

places "file.campus" {
}

places "google" {
  enabled = false
}

places "file" "campus" {
  path = "campus.csv"
}

places "google" {
}

places "file" "campus" {
}
