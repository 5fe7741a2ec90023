log { level = "loud" }
