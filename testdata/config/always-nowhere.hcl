storage {
  sync = "always"
}
