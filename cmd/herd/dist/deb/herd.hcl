# A node of a herd. Every setting is in herd.hcl(5) and "herd help settings"; those here are
# what a node with a machine to itself wants first. As it is, only
# this machine can reach the node.
#
# All *.hcl and *.json files of this folder are read. After a change:
#
#     herd config check /etc/herd
#     systemctl reload herd      says in its log what wants a restart

# The name of the node; else the host name.
# name = "clark"

# gossip {
#   addr     = "0.0.0.0:4132"
#   join     = ["bailey.example.com:4132", "bona.example.com:4132"]
#
#   # Beyond loopback nodes want a key, the same for all:
#   #     herd keygen --out /etc/herd/gossip.key
#   #     chown herd: /etc/herd/gossip.key
#   key_file = "/etc/herd/gossip.key"
# }

# What the node knows is kept here, and it begins with that when it starts again.
storage {
  data_dir = "/var/lib/herd"
}

# client {
#   addr      = "0.0.0.0:4131"
#   max_conns = 10000
# }

# http {
#   addr             = "0.0.0.0:4133"
#   read_token_file  = "/etc/herd/read.token"   # herd keygen --out, as above
#   write_token_file = "/etc/herd/write.token"
# }

# tls {
#   cert_file = "/etc/herd/cert.pem"
#   key_file  = "/etc/herd/key.pem"
# }
