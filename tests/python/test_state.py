"""The state's reader, with entities that are made up."""

import unittest

from read_state import described, document, parts


def entity(**changed) -> dict:
    made = {
        "PartitionKey": "lake-1!job!a~25b",
        "RowKey": "r~c3~a9",
        "Layout": 3,
        "Program": "0.1.0",
        "Parts": 2,
        "Json00": '{"a":',
        "Json01": "[1]}",
    }
    made.update(changed)
    return {name: value for name, value in made.items() if value is not None}


class State(unittest.TestCase):
    def test_keys_are_decoded(self) -> None:
        self.assertEqual(parts("a!~7e~21!~f0~9f~98~80"), ["a", "~!", "\N{GRINNING FACE}"])

    def test_documents_are_joined(self) -> None:
        one = described(entity())
        self.assertEqual(one["scope"], "lake-1")
        self.assertEqual(one["partition"], ["job", "a%b"])
        self.assertEqual(one["row"], ["ré"])
        self.assertEqual(one["document"], {"a": [1]})
        self.assertFalse(one["hashed"])

    def test_hashes_stand_for_long_names(self) -> None:
        one = described(entity(PartitionKey="lake-1!!0123"))
        self.assertTrue(one["hashed"])
        self.assertEqual(one["partition"], ["0123"])

    def test_damage_is_seen(self) -> None:
        for damaged in (
            entity(Parts=3),
            entity(Parts=1),
            entity(Parts=0),
            entity(Json00=None),
            entity(Colour="red"),
        ):
            with self.assertRaises((KeyError, ValueError)):
                document(damaged)


if __name__ == "__main__":
    unittest.main()
