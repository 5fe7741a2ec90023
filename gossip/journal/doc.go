// Package journal keeps a sequence of messages on disk: an append-only log, and snapshots
// that stand for all of the log before them.
//
// It does not know what a message says. It promises this of the sequence:
//
//   - What Sync has returned for is there after any crash.
//   - What is there is a prefix of what was appended, in order: a message is never handed
//     out unless all before it were. So a message may claim something of those before it.
//   - Nothing is invented: each message is as it was appended, or it and all after it are
//     missing.
//
// # Files
//
// A log file N.log goes on where an older one ended; its header says which and after how many
// messages. A snapshot N.snap stands for all that comes before N.log. So what is loaded is
// the newest snapshot and a chain of log files:
//
//	N.snap ─▶ N.log ─▶ N+1.log ─▶ …
//
// After a snapshot that turns out to be damaged, the next log file goes on where that ends
// instead.
//
// A file is never written to again once it has been closed, be it by a crash: the next log
// file says how much of it counts, and what is beyond that is ignored. That is how a torn
// tail is cut. A snapshot is begun by beginning N.log, written under another name beside the
// log that goes on, synced and renamed, and then what is older is removed. At every instant
// one whole chain is there.
//
// A file has a header of 64 bytes, and then blocks. All integers are big endian.
//
//	header   magic, 8 bytes · version, 4 · CRC-32C of these 12, 4 · kind, 1 · kind of the
//	         file before, 1 · zeros, 6 · store, 8 · number, 8 · number of the file before, 8, and
//	         how many of its messages count, 8 · zeros, 4 · CRC-32C of these 60, 4
//	block    marker, 4 · CRC-32C of what follows, begun with the header's, 4 · length of the messages, 4 · how many, 4 ·
//	         the number of messages before it in the file, 8, and how many of them were
//	         durable when it was written, 8 · messages, each a varint of its length and so many bytes
//
// A block without messages ends a snapshot. The first 16 bytes of a header are the same in
// every version.
//
// # Trouble
//
// When Append or Sync fails, the log goes back to what is durable: whatever was appended
// after that is to be appended again, or something that stands for it. The next Append begins
// another file. So a disk that was full, or failed for a while, needs nothing but further
// tries. A system that has failed to sync a file may have dropped what it held of it, and
// says so only once: that file is not trusted any more.
//
// A file that was removed, with its folder perhaps, takes all that is written to it, and
// keeps nothing. So Sync looks whether the log file is in its place, and fails with ErrGone
// if it is not. Append looks once more. If the file has come back, as it has when something
// was mounted over the folder for a while, the log goes on after it. Else it makes the
// folder, if there is none, locks it and begins anew, which it says by failing with ErrGone
// once more: what was there does not count any more. In a folder that holds another journal by
// then it does nothing, and fails with ErrForeign.
//
// The package neither logs nor starts goroutines. Its calls take as long as the disk does.
package journal
