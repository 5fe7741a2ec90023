client { addr = "127.0.0.1:4133" }
