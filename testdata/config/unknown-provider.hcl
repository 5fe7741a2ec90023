places "embeded" {
}
