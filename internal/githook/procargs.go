package githook

import (
	"bytes"
	"encoding/binary"
)

// procArgs reads the arguments of a process from what macOS gives for
// kern.procargs2: their count as a native int32, the path of the program padded
// with NULs, and then each argument, ended by a NUL, before the environment. See
// the function sysctl_procargsx in XNU's bsd/kern/kern_sysctl.c.
func procArgs(b []byte) []string {
	const most = 4096 // arguments that are looked at
	if len(b) < 4 {
		return nil
	}
	count := int(min(binary.NativeEndian.Uint32(b), most))
	_, rest, ok := bytes.Cut(b[4:], []byte{0})
	if !ok {
		return nil
	}
	rest = bytes.TrimLeft(rest, "\x00")
	var args []string
	for range count {
		arg, after, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			break
		}
		args, rest = append(args, string(arg)), after
	}
	return args
}
