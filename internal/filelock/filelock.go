// Package filelock keeps processes apart by the locks of files, which end with
// the process that has them, however it ends.
package filelock
