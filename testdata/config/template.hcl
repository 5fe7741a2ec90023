client { addr = "{{ GetPrivateIPP }}:4131" }
gossip { addr = "{{ GetInterfaceIP \"nosuchinterface\" }}:4132" }
http   { addr = "10.0.0.1 10.0.0.2{{ GetInterfaceIP \"nosuchinterface\" }}:4133" }
