places {
  rank = "distance"
}
