package journal

import "io"

// FS is a folder with files, as little of it as a [Log] needs. Names have no separators in
// them. [Dir] is a real one; package journaltest has one that fails and crashes.
type FS interface {
	// Lock keeps others from this folder until the lock is closed, or this process ends.
	Lock() (io.Closer, error)

	// List returns the files of this folder.
	List() ([]Info, error)

	// Create makes an empty file. It is an error if there is one of that name.
	Create(name string) (File, error)

	// Open opens a file to be read.
	Open(name string) (Reader, error)

	// Rename gives a file another name, under which there is none.
	Rename(from, to string) error

	// Remove removes a file.
	Remove(name string) error

	// Sync makes durable which files there are, and their names.
	Sync() error
}

// Info is a file of a folder.
type Info struct {
	Name string
	Size int64 // bytes
}

// File is a file that is being written, from its beginning to its end.
type File interface {
	io.WriteCloser

	// Sync makes durable what was written. It may run beside Write and Close.
	Sync() error

	// Gone tells whether the file is no longer in its folder under its name: what is written
	// to it then is lost, though nothing says so. It may run beside Write, Sync and Close.
	Gone() bool
}

// Reader is a file that is being read.
type Reader interface {
	io.ReaderAt
	io.Closer

	// Size is the length of the file in bytes.
	Size() (int64, error)
}
