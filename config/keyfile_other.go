//go:build !unix

package config

import "os"

func sameOwner(*os.File, os.FileInfo) error { return nil } // of the folder
