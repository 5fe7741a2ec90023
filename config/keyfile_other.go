//go:build !unix

package config

import "os"

func sameOwner(string, os.FileInfo) error { return nil } // of the folder

func syncFolder(string) error { return nil } // folders can't be
