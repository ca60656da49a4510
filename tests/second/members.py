"""Who is a member (SPEC.md section 10, Federation)."""

from cddl import Bad


class Ledger:
    """A charter and the statements that were taken in, each with its past."""

    def __init__(self, charter):
        version, k, first = charter[1], charter[5], charter[6]
        ordered = all(a < b for a, b in zip(first, first[1:]))
        if version != 1 or not 2 <= k <= 16 or not ordered or charter[3] not in first or len(first) < k:
            raise Bad("charter")
        self.charter, self.k, self.first = charter, k, first
        self.taken, self.pasts, self.refused = {}, {}, set()

    def insert(self, statements):
        """Takes in what can be, whatever the order; gives what was refused. [FED-2]"""
        waiting, progress = list(statements), True
        while progress:
            progress = False
            for statement in list(waiting):
                seen = statement[5]
                known = all(head == self.charter.id or head in self.taken or head in self.refused for head in seen)
                if self.well_formed(statement) and not known:
                    continue
                waiting.remove(statement)
                progress = True
                if not self.well_formed(statement) or any(head in self.refused for head in seen):
                    self.refused.add(statement.id)
                    continue
                past = {head for head in seen if head in self.taken}
                past |= {id_ for head in past for id_ in self.pasts[head]}
                if self.allowed(statement, past):
                    self.taken[statement.id], self.pasts[statement.id] = statement, past
                else:
                    self.refused.add(statement.id)
        return self.refused, waiting

    def well_formed(self, statement):
        seen = statement[5]
        ordered = all(a < b for a, b in zip(seen, seen[1:]))
        alone = self.charter.id not in seen or len(seen) == 1
        return statement[1] == self.charter.id and 1 <= len(seen) <= 64 and ordered and alone

    def allowed(self, statement, past):
        """[FED-3]"""
        author, (act, body) = statement[2], statement[6]
        if not self.is_member(author, past):
            return False
        if act == 1:
            return body != author and not self.is_expelled(body, past)
        if act == 2:
            return body[1] != author
        if act == 3:
            return body in past and self.taken[body][6][0] == 2 and author in self.electorate(body)
        return True

    def acts(self, code, scope):
        return [(id_, self.taken[id_]) for id_ in scope if self.taken[id_][6][0] == code]

    def electorate(self, proposal):
        """[FED-7]"""
        past = self.pasts[proposal]
        parties = set(self.first) | {s[6][1] for _, s in self.acts(1, past)}
        return {p for p in parties if self.is_member(p, past)} - {self.taken[proposal][6][1][1]}

    def voters(self, proposal, scope):
        return {self.taken[proposal][2]} | {s[2] for _, s in self.acts(3, scope) if s[6][1] == proposal}

    def effective(self, party, scope):
        """Effective proposals to expel a party. [FED-9]"""
        found = []
        for id_, statement in self.acts(2, scope):
            if statement[6][1][1] == party:
                votes = len(self.voters(id_, scope))
                if votes >= self.k and 2 * votes > len(self.electorate(id_)):
                    found.append(id_)
        return found

    def is_expelled(self, party, scope):
        return bool(self.effective(party, scope))

    def leavings(self, party, scope):
        return [id_ for id_, s in self.acts(4, scope) if s[2] == party]

    def sponsors(self, party, scope):
        """[FED-5], [FED-6], [FED-10]"""
        left = {id_ for leaving in self.leavings(party, scope) for id_ in self.pasts[leaving]}
        return {s[2] for id_, s in self.acts(1, scope) if s[6][1] == party and id_ not in left
                and all(id_ in self.pasts[p] for p in self.effective(s[2], scope))}

    def is_member(self, party, scope):
        """[FED-4]"""
        first = party in self.first and not self.leavings(party, scope)
        return not self.is_expelled(party, scope) and (first or len(self.sponsors(party, scope)) >= self.k)

    def standing(self, party):
        scope = set(self.taken)
        expulsions = self.effective(party, scope)
        if expulsions:
            return "expelled"
        if self.is_member(party, scope):
            return "member"
        if self.sponsors(party, scope):
            return "candidate"
        return "left" if self.leavings(party, scope) else "stranger"

    def heads(self):
        named = {head for s in self.taken.values() for head in s[5]}
        return {id_ for id_ in (*self.taken, self.charter.id) if id_ not in named}
