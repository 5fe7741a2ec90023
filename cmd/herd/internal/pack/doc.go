// Package pack makes what Herd is shipped as: archives for each system, and packages for
// Debian. Of equal sources, by the same Go, it makes equal bytes. It runs the tools that it
// needs (go, git, dpkg-deb) in the folder of the sources.
package pack
