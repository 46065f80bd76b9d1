-- Who asks for one person's deeds gets them without a walk through all.
CREATE INDEX audit_actor ON audit (actor, id);
