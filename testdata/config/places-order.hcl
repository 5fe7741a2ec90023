places_order = ["gogle", "file.lab", "file.campsu", "file.csv", "file.campus", "file.campus", "data"]

places "file" "campus" {
}
