// Command floor appends 300 bytes to the file that is its argument and ends
// when they are on disk: what a hook call costs at least.
package main

import "os"

func main() {
	f, err := os.OpenFile(os.Args[1], os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		panic(err)
	}
	if _, err := f.Write(make([]byte, 300)); err != nil {
		panic(err)
	}
	if err := f.Sync(); err != nil {
		panic(err)
	}
}
