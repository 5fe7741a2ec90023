places_order = [env.CANARY, "file.${env.CANARY}", "./${env.CANARY}", "./${env.CANARY}"]
