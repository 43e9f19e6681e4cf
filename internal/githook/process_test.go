package githook

import (
	"encoding/binary"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSelf(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("ancestors are not told here")
	}
	p := Self()
	if len(p.Ancestors) == 0 || p.Ancestors[0].PID != strconv.Itoa(os.Getppid()) || len(p.Ancestors[0].Args) == 0 {
		t.Errorf("the ancestors are %+v", p.Ancestors)
	}
}

func TestProcArgs(t *testing.T) {
	t.Parallel()
	count := func(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }
	for name, tt := range map[string]struct {
		raw  []byte
		want []string
	}{
		"usual":           {append(count(3), "/usr/bin/git\x00\x00\x00\x00git\x00commit\x00--amend\x00HOME=/x\x00"...), []string{"git", "commit", "--amend"}},
		"cut":             {append(count(9), "/usr/bin/git\x00\x00git\x00com"...), []string{"git"}},
		"empty":           {nil, nil},
		"a count only":    {count(1 << 31), nil},
		"a count too big": {append(count(1<<32-1), "p\x00a\x00"...), []string{"a"}},
	} {
		if diff := cmp.Diff(tt.want, procArgs(tt.raw)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func FuzzProcArgs(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00/bin/git\x00\x00git\x00x\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		args := procArgs(raw)
		if slices.ContainsFunc(args, func(a string) bool { return slices.Contains([]byte(a), 0) }) {
			t.Errorf("%q", args)
		}
	})
}
