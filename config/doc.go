// Package config turns what an operator wrote, in files, in the environment and
// on the command line, into one checked [Config]. It is the only user of HCL.
//
// # One name everywhere
//
// Every setting has one name, and one row in the table of fields.go. From the
// row come its place in HCL and JSON (client { addr }), its flag
// (--client-addr), its variable (HERD_CLIENT_ADDR), its line in the reference
// and its name in every message. A setting that is not in the table does not
// exist. Only the settings of a file of places have no flag and no variable:
// which such files there are is known when the configuration has been read.
//
// What a running node takes over when its configuration is read again is marked in the same
// row, by live(…): [Loaded.Take] goes by that, the reference says it, and a test of the
// program demands that each such setting is seen to take effect. Whoever adds a setting
// marks its row and has node.Node.Reload hand the value on; without the mark it
// needs a restart.
//
// # Layers
//
// Flags win over the environment, the environment over files, files over
// defaults. Among files the later one wins; a folder stands for its *.hcl and
// *.json files in lexical order. Whoever speaks last sets the whole value, a
// list too. An empty variable is one that is not set. What set a value is kept
// with it ([Setting.Origin]).
//
// # Problems
//
// [Load] goes on after a mistake and reports all of them at once, as an [*Error]
// that knows file, line and column and can show the source. Messages never hold
// the value of a variable, of file() or of a key: only the source line as it
// was written.
package config
