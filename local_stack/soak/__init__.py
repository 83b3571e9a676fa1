"""`./run soak`: runs back to back for as long as asked for, with faults on; whatever only ever grows is a leak."""
