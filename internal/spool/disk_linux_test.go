package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/whodid/whodid/internal/testenv"
)

// On a full disk the caller is told, what was acknowledged stays, and when
// there is room again the spool goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk := testenv.SmallDisk(t, 256<<10)
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	s := In(filepath.Join(disk, "spool"))
	var want []string
	var full error
	for i := 0; full == nil; i++ {
		key := fmt.Sprint("full/", i)
		if full = s.Put(record(key)); full == nil {
			want = append(want, key)
		}
	}
	if !errors.Is(full, syscall.ENOSPC) || !strings.HasPrefix(full.Error(), "couldn't write to the spool") {
		t.Errorf("a full disk is told as %v", full)
	}
	if w, err := s.Waiting(); err != nil || w.Records < len(want) {
		t.Errorf("waiting: %+v, %v; %d were acknowledged", w, err, len(want))
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(record("again")); err != nil {
		t.Fatal(err)
	}
	keys, torn := drained(t, s)
	if fmt.Sprint(keys) != fmt.Sprint(append(want, "again")) {
		t.Errorf("%d were acknowledged, %d drained", len(want)+1, len(keys))
	}
	if torn > 1 {
		t.Errorf("%d are torn by one failure", torn)
	}
}

// What can't be written to says so and keeps what it holds.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	disk := testenv.SmallDisk(t, 1<<20)
	s := In(filepath.Join(disk, "spool"))
	if err := s.Put(record("a")); err != nil {
		t.Fatal(err)
	}
	remount := func(flags uintptr) {
		if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	if err := s.Put(record("b")); !errors.Is(err, syscall.EROFS) {
		t.Errorf("put: %v", err)
	}
	if err := s.Drain(epoch, func(Batch) error { t.Error("it was handed over and can't be forgotten"); return nil }); err == nil {
		t.Error("drained without an error")
	}
	if w, err := s.Waiting(); err != nil || w.Records != 1 {
		t.Errorf("waiting: %+v, %v", w, err)
	}
	remount(0)
	if keys, torn := drained(t, s); len(keys) != 1 || keys[0] != "a" || torn != 0 {
		t.Errorf("drained %v, %d torn", keys, torn)
	}
}

// A file in the place of the folder, and a folder in the place of the file.
func TestSomethingElseInItsPlace(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*Spool{"a file": In(file), "a file's child": In(filepath.Join(file, "spool"))} {
		if err := s.Put(record("a")); err == nil {
			t.Errorf("%s: put without an error", name)
		}
		if _, err := s.Waiting(); err == nil {
			t.Errorf("%s: waiting without an error", name)
		}
		if err := s.Drain(epoch, func(Batch) error { return nil }); err == nil {
			t.Errorf("%s: drained without an error", name)
		}
	}
	s := In(t.TempDir())
	if err := os.Mkdir(filepath.Join(s.Dir(), current), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(record("a")); err == nil {
		t.Error("a folder for the file: put without an error")
	}
}
