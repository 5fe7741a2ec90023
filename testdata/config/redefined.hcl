log {
  level = "info"
  level = "warn"
}
