package ask

// ConfirmedOutcomes lists them one by one.
var ConfirmedOutcomes = (*Asker).confirmedOutcomes
