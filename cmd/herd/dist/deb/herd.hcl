# A node of a herd. Every setting is in herd.hcl(5) and "herd help settings"; those here are
# what a node with a machine to itself wants first. As it is, only
# this machine can reach the node.
#
# All *.hcl and *.json files of this folder are read. After a change:
#
#     runuser -u herd -- herd config check /etc/herd
#     systemctl reload herd      says in its log what wants a restart
#
# As the user herd, since root may read what the node may not. herd-operating(7) says how to
# have its variables too, and how to run "herd doctor" as the node runs.

# The name of the node; else the host name.
# name = "clark"

# gossip {
#   addr     = "0.0.0.0:4132"
#   join     = ["bailey.example.com:4132", "bona.example.com:4132"]
#
#   # Beyond loopback nodes want a key, the same for all. It is where the node can write, which
#   # it does when the herd changes its key ("herd keyring"): this folder it can't write to.
#   #     herd keygen --out /var/lib/herd/gossip.key
#   #     chown herd: /var/lib/herd/gossip.key
#   key_file = "/var/lib/herd/gossip.key"
# }

# What the node knows is kept here, and it begins with that when it starts again. Elsewhere the
# unit lets it write nothing: "systemctl edit herd", and there
#     [Service]
#     ReadWritePaths=/srv/herd
storage {
  data_dir = "/var/lib/herd"
}

# client {
#   addr      = "0.0.0.0:4131"
#   max_conns = 10000
# }

# http {
#   addr             = "0.0.0.0:4133"
#   read_token_file  = "/etc/herd/read.token"   # herd keygen --out and chown herd:, as above
#   write_token_file = "/etc/herd/write.token"
# }

# tls {
#   cert_file = "/etc/herd/cert.pem"
#   key_file  = "/etc/herd/key.pem"
# }
