package ask

// ConfirmedOutcomes lists them one by one.
var ConfirmedOutcomes = (*Asker).confirmedOutcomes

// SetMostBehind has an asker look through so many events and no more.
func (a *Asker) SetMostBehind(n uint64) { a.mostBehind = n }
