package recorder_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/api/apitest"
	"github.com/whodid/whodid/recorder"
)

// address and token are those of a real server while the examples run.
var address, token string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "whodid-recorder-")
	if err != nil {
		log.Fatal(err)
	}
	var stop func()
	address, stop = apitest.Serve(filepath.Join(dir, "trail.db"))
	token = "recorder"
	code := m.Run()
	stop()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// A program that makes a backup records what it does.
func Example() {
	ctx := context.Background()
	rec, err := recorder.New(recorder.Options{
		Server: address, Token: token, Agent: "ops/backup",
		OnError: func(err error) { fmt.Println(err) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	run := rec.Start(recorder.Run{Trigger: "scheduled", Why: "the nightly backup"})
	run.Action(recorder.Action{Type: "file.write", Target: "s3://backups/monday.tar", Result: whodid.ResultSuccess})
	run.Finish(whodid.ResultSuccess, "")
	if err := rec.Close(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("recorded")
	// Output: recorded
}
