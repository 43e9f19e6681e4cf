package intake_test

import "errors"

func pipe(string) error { return errors.New("Windows has no pipes with a path") }
